"""Numbered events per topic, and the audit chain. Written by `farhand.web.project.service` only."""
