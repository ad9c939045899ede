"""The configuration: `pixapi.toml`, the environment, and what is wrong with them."""
