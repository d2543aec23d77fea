"""A package by itself, since some distributions (flask-websub's) install their own tests under this name, and a folder
without this file would give way to them."""
