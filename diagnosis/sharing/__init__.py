"""What leaves the house for a doctor: the PDF, and links that open without an account."""
