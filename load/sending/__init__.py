"""Sending: the messages, their marks, the clients, and what is sent again."""
