"""Lets every test import ``support``: pytest puts this folder on the path."""
