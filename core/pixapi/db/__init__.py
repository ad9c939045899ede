"""The database: connections, the schema's version, liveness of processes, backup and copy.

`Database` is the way in; tables are declared by the features that own them, over `pixapi.db.base.Base`.
"""

from pixapi.db.engine import Database

__all__ = ["Database"]
