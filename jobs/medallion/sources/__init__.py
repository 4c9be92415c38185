"""Fetching files over HTTP: secrets, requests, downloads that go on, pages, and what is known."""
