"""Loads what the CPU processes need once, in the fork server that they come from, which imports this module.

None of it is ever garbage. Not collecting meanwhile saves a tenth of the time; `child.serve` turns collection on again.
"""

import gc
from importlib import import_module

gc.disable()
for _name in (
    "worker.cpu.child",
    "worker.tasks",
    "worker.articles.page",
    "worker.articles.feed",
    "worker.feeds.read",
    "worker.feeds.discovery",
):
    import_module(_name)
