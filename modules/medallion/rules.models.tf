# What is wrong with models, their stages, and the checks of models and datasets; see rules.datasets.tf.
locals {
  _models = coalesce(var.models, {})

  _wrong_checks = { for table, checks in merge(
    { for name, dataset in var.datasets : "Dataset '${name}'" => dataset.checks },
    { for name, model in local._models : "Model '${name}'" => model.checks },
    ) : table => concat(
    [for found in checks.unique :
      "field 'checks.unique': found an empty list. Name the columns that are unique together, or leave it out."
    if length(found) == 0],
    [for column, found in checks.accepted_values : join(" ", [
      "field 'checks.accepted_values': the list of column '${column}' is empty. Name the values that are accepted, or leave the",
      "check out.",
    ]) if length(found) == 0],
    [for bound, found in checks.row_count :
      "field 'checks.row_count.${bound}': found ${found}; allowed are whole numbers from 0. Correct it."
    if !try(found >= 0 && floor(found) == found, found == null)],
    [for found in [checks.row_count] : join(" ", [
      "field 'checks.row_count': min is ${found.min} and max is ${found.max}, so that no number of rows is right. Make min the",
      "smaller one.",
    ]) if !try(found.min <= found.max, true)],
    [for check, found in checks.sql : join(" ", [
      "field 'checks.sql.${check}': found '${substr(trimspace(found), 0, 60)}'; it must be one query that begins with SELECT or",
      "WITH, without a semicolon at its end. Write it so that it returns the rows that are wrong.",
    ]) if !can(regex("^(?i)(select|with)\\s", trimspace(found))) || endswith(trimspace(found), ";")],
    [for found in keys(checks.sql) :
      "field 'checks.sql': the name '${found}' is not allowed; allowed are ${local.name_rule}. Rename the check."
    if !can(regex(local.name_pattern, found))],
  ) }
  wrong_checks = flatten([for table, told in local._wrong_checks : [for mistake in told : "${table}, ${mistake}"]])

  _wrong_models = { for name, model in local._models : name => concat(
    [for found in [name] :
      ": the name is not usable for a table; allowed are ${local.name_rule}. Rename the model and its file."
    if !can(regex(local.name_pattern, found))],
    [for found in [name] : join(" ", [
      ": a dataset has this name, and both have checks and reports of their own. Rename the model and its file, or the",
      "dataset.",
    ]) if contains(keys(var.datasets), found)],
    [for found in [model.stage] : join(" ", [
      ", field 'stage': found '${found}'; the stages are ${join(", ", var.stages)}. Use one of them, or add it to the variable",
      "stages.",
    ]) if !contains(var.stages, found)],
    [for found in [model.engine] :
      ", field 'engine': found '${found}'; allowed are ${join(", ", local.engines)}. Use one of them."
    if !contains(local.engines, found)],
    flatten([for field, columns in {
      partition_by             = model.partition_by
      "checks.not_null"        = model.checks.not_null
      "checks.unique"          = flatten(model.checks.unique)
      "checks.accepted_values" = keys(model.checks.accepted_values)
      } : [for found in columns : join(" ", [
        ", field '${field}': the column name '${found}' is not allowed; allowed are ${local.name_rule}. Correct it, and give the",
        "column such a name in the SQL.",
    ]) if !can(regex(local.name_pattern, found))]]),
    flatten([for field, lists in {
      partition_by      = [model.partition_by]
      "checks.not_null" = [model.checks.not_null]
      "checks.unique"   = model.checks.unique
      } : [for found in lists :
      ", field '${field}': a column stands there twice: ${join(", ", found)}. Name each once."
    if length(distinct(found)) != length(found)]]),
  ) }
  wrong_models = concat(
    flatten([for name, told in local._wrong_models : [for mistake in told : "Model '${name}'${mistake}"]]),
    [for found in [{ models = length(local._models), datasets = length(var.datasets) }] : join(" ", [
      "There are ${found.models} models and ${found.datasets} datasets, and each has a prepared statement in Athena, whose",
      "workgroups hold 1,000. Allowed are ${local.tables_limit} together: put some into a deployment of their own, with another name.",
    ]) if found.models + found.datasets > local.tables_limit],
    [for found in keys(local.models) : join(" ", [
      "Model '${found}': there is no file '${local.models_directory}/${found}.sql' (which is",
      "${abspath(local.models_directory)}/${found}.sql); the SQL of a model is <models_directory>/<model>.sql. Write it, or set",
      "models_directory to the folder that holds it.",
    ]) if can(regex(local.name_pattern, found)) && !contains(keys(var.datasets), found) && !fileexists("${local.models_directory}/${found}.sql")],
  )

  wrong_stages = concat(
    [for found in var.stages : "stages holds '${found}'; allowed are ${local.name_rule}. Rename the stage."
    if !can(regex(local.name_pattern, found))],
    [for found in [var.stages] : "stages holds a name twice: ${join(", ", found)}. Name each stage once."
    if length(distinct(found)) != length(found)],
    [for found in [length(var.stages)] : join(" ", [
      "stages holds ${found} names; at most ${local.stages_limit} are allowed. Put models that do not read each other into one",
      "stage.",
    ]) if found > local.stages_limit],
  )
}
