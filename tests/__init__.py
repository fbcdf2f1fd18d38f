"""The tests of unstick and the lab they run against."""
