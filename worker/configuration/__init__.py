"""The configuration as a worker has it, for as long as it runs.

reading.py  `settings.load`, with lists that are long and have changed in a process of its own
kept.py     … and those that have not, as they were read last
current.py  the settings in force, swapped as one
reload.py   a configuration that is saved, or that SIGHUP asks for, taken up
"""
