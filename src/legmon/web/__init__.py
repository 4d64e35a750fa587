"""The dashboard: HTTP and WebSocket over recordings and the catalog."""
