"""The schema's history, shipped with the program: ``pixapi db upgrade`` walks through `versions`."""

MODEL_MODULES = (
    "pixapi.calls.models",
    "pixapi.catalog.models",
    "pixapi.identity.models",
    "pixapi.ledger.models",
)
"""Where tables are declared; a new revision is made from the difference between these and the database."""
