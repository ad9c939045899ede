"""Sans-IO codecs: bytes in, values out, and back. No socket, no clock, no state beyond an object's own.

Each module speaks one part of one protocol and names its source. This is the one room of the core where
vendors' dialects have names.
"""
