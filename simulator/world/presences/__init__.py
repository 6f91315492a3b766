"""When devices are there and when they are away; one file for each way, with the contract in ``base``.

To add one, put its class into a new file here that is named after the class's ``name``. Nothing is registered:
``settings.plugins`` finds the class by that name.
"""
