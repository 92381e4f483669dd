"""For those who test programs and connection methods: a suite that every method has to pass."""
