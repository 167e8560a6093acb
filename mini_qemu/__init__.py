"""A miniature of QEMU's migration code as of July 2021, small enough to be run in every order."""
