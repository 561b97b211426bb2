"""Training: recipes in YAML, one room a network, and labels that no person drew.

`recipe.py` reads recipes and has the table of what can be trained; `run.py` trains. Each network has a package with its
recipe, task and data, and a function `build`. `labels/` makes observers, scribbles and pseudo-labels. `cache.py` keeps
the features of frozen networks.

To train another network: a package `training/<name>` with `build(recipe)` and a recipe class, a line in
`recipe.RECIPES`, and a YAML file in `sightline/recipes`.
"""
