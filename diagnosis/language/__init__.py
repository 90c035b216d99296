"""What people read: a word or sentence for each code, and figures as pages show them."""
