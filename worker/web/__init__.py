"""The running worker seen from outside: probes, metrics, the status page. Read only, except for requests.

serving    listens, on a socket of its own
guard      who may ask, and under which host name; security headers
body       what they bring, within limits
proof      that requests which change something come from our own pages
site       paths → answers
health     alive, ready
metrics    figures for Prometheus
pages      one method per page
troubles   what an operator should look at
articles   records as the pages show them
rendering  templates/, static/: values → HTML
sources    everything the pages, probes and metrics need
figures    figures of the state and of the disks
activity   what was done in the last day, and its bars
websub     callbacks of hubs
"""

from worker.web.activity import Activity
from worker.web.figures import Figures
from worker.web.serving import serving
from worker.web.site import site
from worker.web.sources import Sources
from worker.web.websub import callbacks

__all__ = ["Activity", "Figures", "Sources", "callbacks", "serving", "site"]
