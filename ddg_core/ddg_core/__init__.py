"""The shared vocabulary of DDG: values, errors, settings, ports. Imports nothing else of ours."""
