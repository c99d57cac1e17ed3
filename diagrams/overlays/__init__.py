"""Facts drawn onto pictures: memory, operations, what is kept and recomputed, and how axes are sharded."""

from .charts import OVERLAYS, add
from .sharding import sharded

__all__ = ["OVERLAYS", "add", "sharded"]
