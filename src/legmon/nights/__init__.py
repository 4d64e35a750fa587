"""Provide the results of a night that pages, commands and exports show."""
