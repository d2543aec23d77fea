"""The worker seen from outside, while it runs: probes, metrics, the status page; read only but for requests.

serving    listens, on a socket that is its own            guard    who may ask, and under which name; headers
site       paths → answers                                 health   alive, ready
"""

from worker.web.guard import OPEN_TO_THE_WORLD
from worker.web.serving import serving
from worker.web.site import site

__all__ = ["OPEN_TO_THE_WORLD", "serving", "site"]
