"""One module a command, imported only when it is called; `atlas_cli.table` lists them."""
