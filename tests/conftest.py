"""Lets the tests in every folder import the helpers that lie beside it.

pytest puts the folder of a ``conftest.py`` on ``sys.path``.
"""
