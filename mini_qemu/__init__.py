"""A miniature of QEMU's migration code as of July 2021, small enough to run in every order. See README.md in this folder."""
