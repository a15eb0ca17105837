"""The helpdesk's pages, one module a menu entry."""
