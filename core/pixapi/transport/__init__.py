"""Sockets to model servers: the hot-path client, the outbound port for plugins, and credentials that expire."""
