"""What a connection sends beside, or instead of, the CRM's usual fields, and which clients go to it."""
