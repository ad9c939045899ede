"""Plugins: how they are found, loaded, checked and configured.

A plugin is an object with hooks (`pixapi.hookspecs`), nearly always a module. It comes from an entry point
of the group ``pixapi.plugins``, or from one Python file beside the configuration. **Only what the
configuration names is imported**: installing a vendor's plugin costs nothing until somebody uses it, and a
broken one harms nobody else.

On the way in each plugin passes the same gates, and a refusal says what to do:

1. *Found once.* No such entry point, or two distributions that both offer it: refused. (pluggy itself would
   silently take the first.)
2. *Imported.* A missing package is named, with the extra that brings it.
3. *Made for this interface.* The module's ``PIXAPI_INTERFACE`` equals `pixapi.interfaces.INTERFACE_VERSION`.
4. *Hooks spelt right.* A function that is named or marked as a hook and is none would never be called, in
   silence; so would one that lacks its marker.
5. *Kinds of its own.* What its hooks return has the right type, and a name that no other plugin uses.
6. *Settings valid.* Its table in the configuration fits its ``config``; else file, line and key are named.

`host.PluginHost` is the one owner of the pluggy manager; nobody else touches it. A host is built whole for
each configuration and thrown away with it, so that a reload which fails leaves the old one as it was.
"""
