"""Who uses the gateway: people, their accounts, and the API keys they call with.

A *user* is a person who can be named by e-mail. An *account* owns a wallet and has members. An *API key*
belongs to an account and to the user who made it. Keys are stored as a keyed hash only; whoever reads the
database can neither use them nor test guesses against it.

Two ways lead here. Commands and pages go through `service`, inside the caller's transaction. Calls go through
`keyring.Keyring`, which keeps all live keys in memory. The `revision` row ties the two together: each change
raises it in its own transaction and stamps the keys that it touches, so that a process asks "has it moved?"
once a second and fetches only what is new. Raising it takes the row's lock until the commit; changes
therefore become visible in the order of their stamps, and none can slip in behind a reader.
"""
