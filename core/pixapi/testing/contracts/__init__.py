"""What each kind of plugin promises, as tests that its author runs.

A promise is a function with a name and a sentence; a suite is a list of them, made for one plugin with one
set of settings. They talk to the plugin as the core does: no sockets, no clock, and with input that is
worse than what a vendor should ever send.
"""
