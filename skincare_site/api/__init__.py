"""The API's root: addresses, errors, description, and manners that all of it shares."""
