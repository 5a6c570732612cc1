"""Operators: accounts, passwords, second factors, logins and sessions."""
