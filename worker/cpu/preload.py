"""What the CPU processes need, loaded once, in the fork server that they come from: it imports this module.

None of it is ever garbage. Not to look for that meanwhile saves a tenth of the time; `child.serve` looks again.
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
