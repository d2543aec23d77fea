"""The configuration of a running worker.

reading.py  `settings.load`, with long lists that have changed read in a separate process
kept.py     a cache of long lists, for those that have not changed
current.py  the settings in force, replaced as a whole
reload.py   takes up a configuration when it is saved, or on SIGHUP
"""
