"""Sockets to model servers: the hot path's client, the outbound port for plugins, credentials that expire."""
