"""The science: pictures in, assessments out. Imports no Django."""
