"""The worker seen from outside, while it runs: probes, metrics, the status page; read only but for requests.

serving    listens, on a socket that is its own            guard    who may ask, and under which name; headers
site       paths → answers                                 proof    … and that our own pages ask it
health     alive, ready                                    metrics  … and in figures, for Prometheus
sources    what all of it is made of                       figures  … the state's, and of the last hours
pages      a page each                                     troubles what is to be looked at; bars
websub     callbacks of hubs
rendering  templates/, static/: values → HTML              articles records as they are shown
"""

from worker.web.figures import Activity, Figures
from worker.web.guard import OPEN_TO_THE_WORLD
from worker.web.serving import serving
from worker.web.site import site
from worker.web.sources import Sources
from worker.web.websub import callbacks

__all__ = ["OPEN_TO_THE_WORLD", "Activity", "Figures", "Sources", "callbacks", "serving", "site"]
