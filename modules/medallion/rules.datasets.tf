# What is wrong with the datasets, a line a mistake. A rule is a list of what breaks it, written once: `for found in
# [value] : what to say of it if it is wrong`.
locals {
  # Columns, derived ones among them, and the fields in which they stand.
  _columns = { for name, dataset in var.datasets : name => concat(
    [for c in dataset.columns : { name = c.name, type = c.type, field = "columns" }],
    [for c in dataset.derive : { name = c.name, type = c.type, field = "derive" }],
  ) }
  _column_names = { for name, columns in local._columns : name => columns[*].name }
  _file_columns = { for name, dataset in var.datasets : name => dataset.columns[*].name }
  # Whether files that arrive start runs of it, and the columns of order_by.
  _by_event = { for name, dataset in var.datasets : name => (
    dataset.triggers == null ? dataset.source.type == "drop" : contains(dataset.triggers, "event")
  ) }
  _order_by = { for name, dataset in var.datasets : name => [for term in dataset.order_by : split(" ", term)[0]] }

  _wrong_sources = { for name, dataset in var.datasets : name => concat(
    [for found in [dataset.source.type] : join(" ", [
      "field 'source.type': found '${found}'; allowed are drop (files that come to incoming/), sample (data made up by the",
      "ingest job) and http (fetched from url). Use one of them.",
    ]) if !contains(local.sources, found)],
    [for found in [coalesce(dataset.source.table, "null")] :
      "field 'source.table': found '${found}'; the sample source makes ${join(", ", local.sample_tables)}. Choose one of them."
    if dataset.source.type == "sample" && !contains(local.sample_tables, found)],
    [for found in [dataset.source] : join(" ", [
      "field 'source': table and rows are for source type sample, and its type is '${found.type}'. Leave them out, or",
      "change the type.",
    ]) if found.type != "sample" && (found.table != null || found.rows != null)],
    [for found in [{ format = dataset.format, delimiter = coalesce(dataset.delimiter, ","), encoding = dataset.encoding }] : join(" ", [
      "field 'format': found '${found.format}', delimiter '${found.delimiter}', encoding '${found.encoding}', but the sample",
      "source makes CSV with commas in utf-8. Leave the three out.",
    ]) if dataset.source.type == "sample" && (!contains(["auto", "csv"], found.format) || found.delimiter != "," || found.encoding != "utf-8")],
    [for found in [dataset.source.rows] : "field 'source.rows': found ${found}; allowed are whole numbers from 1. Correct it."
    if !try(found >= 1 && floor(found) == found, found == null)],
    [for found in [dataset.source.seed] : "field 'source.seed': found ${found}; allowed are whole numbers from 0. Correct it."
    if !try(found >= 0 && floor(found) == found, found == null)],
    [for found in [dataset.format] :
      "field 'format': found '${found}'; allowed are ${join(", ", local.formats)}. Use one of them; auto tells all but parquet apart."
    if !contains(local.formats, found)],
    [for found in dataset.delimiter == null ? [] : [dataset.delimiter] : join(" ", [
      "field 'delimiter': found '${found}'; allowed is one ASCII character that is no letter, digit, quote or line end. Write one,",
      "or leave it null to have it found among , ; tab |.",
    ]) if !can(regex(local.delimiter_pattern, found))],
    [for found in [dataset.encoding] : join(" ", [
      "field 'encoding': unknown encoding '${found}'; allowed are names that Python knows, in lower case, such as utf-8, utf-16,",
      "latin-1 or windows-1252. Use one of them.",
    ]) if !can(regex(local.encoding_pattern, found))],
  ) }

  _wrong_runs = { for name, dataset in var.datasets : name => concat(
    [for found in [dataset.engine] : "field 'engine': found '${found}'; allowed are ${join(", ", local.engines)}. Use one of them."
    if !contains(local.engines, found)],
    [for found in dataset.group == null ? [] : [dataset.group] :
      "field 'group': found '${found}'; allowed are ${local.group_rule}: runs are named after it. Rename the group."
    if !can(regex(local.group_pattern, found))],
    [for found in [length(name)] : join(" ", [
      "field 'group': it is not set, so that it is the dataset's name, whose ${found} characters are too many to name runs by;",
      "allowed are 50. Set group to a shorter name.",
    ]) if dataset.group == null && local._by_event[name] && can(regex(local.name_pattern, name)) && !can(regex(local.group_pattern, name))],
    [for found in try([var.datasets[dataset.group].group], []) : join(" ", [
      "field 'group': found '${dataset.group}', the name of a dataset that is in another group ('${found}'). Put both into one",
      "group, or name this one otherwise.",
    ]) if coalesce(found, dataset.group) != dataset.group],
    [for found in try(setsubtract(dataset.triggers, local.triggers), []) :
      "field 'triggers': found '${found}'; allowed are ${join(" and ", local.triggers)}. Use these, or [] for runs by hand alone."
    ],
    [for found in [dataset.source.type] : join(" ", [
      "field 'triggers': found event, but its source is ${found}, of which no file arrives in incoming/. Take event out, or change",
      "source.type to drop.",
    ]) if found == "sample" && local._by_event[name]],
    [for found in dataset.approval == null ? [] : [dataset.approval] : join(" ", [
      "field 'approval': it has no threshold, so that nothing would ever need approval. Set max_refused_percent or",
      "max_row_change_percent, or leave approval out.",
    ]) if found.max_refused_percent == null && found.max_row_change_percent == null],
    [for found in try([dataset.approval.max_refused_percent + 0], []) :
      "field 'approval.max_refused_percent': found ${found}; allowed are numbers from 0 to 100. Correct it."
    if found < 0 || found > 100],
    [for found in try([dataset.approval.max_row_change_percent + 0], []) : join(" ", [
      "field 'approval.max_row_change_percent': found ${found}; allowed are numbers from 0 (100 is twice as many rows, or none).",
      "Correct it.",
    ]) if found < 0],
    [for found in try([dataset.approval.timeout_hours + 0], []) :
      "field 'approval.timeout_hours': found ${found}; allowed are whole hours from 1 to 72. Correct it."
    if found < 1 || found > 72 || floor(found) != found],
  ) }

  _wrong_columns = { for name, dataset in var.datasets : name => concat(
    [for found in [length(dataset.columns)] :
      "field 'columns': there are none. Name the columns of its files, at least one."
    if found == 0],
    [for found in local._columns[name] : join(" ", [
      "field '${found.field}': the column name '${found.name}' is not allowed; allowed are ${local.name_rule}. Rename the column:",
      "names in the files are compared in lower case, with _ for anything else.",
    ]) if !contains(local.reserved_names, found.name) && !can(regex(local.name_pattern, found.name))],
    [for found in local._columns[name] : join(" ", [
      "field '${found.field}': the column name '${found.name}' is reserved, as are ${join(", ", local.reserved_names)}: the lake or",
      "its engine uses them itself. Choose another name.",
    ]) if contains(local.reserved_names, found.name)],
    [for found in [local._column_names[name]] : join(" ", [
      "field 'columns': a column name is used twice, in columns or derive: ${join(", ", found)}. Rename one; a derived column",
      "cannot take the place of a column.",
    ]) if length(distinct(found)) != length(found)],
    [for found in local._columns[name] : join(" ", [
      "field '${found.field}': column '${found.name}' has the unknown type '${found.type}'; allowed are",
      "${join(", ", local.simple_types)}, decimal(p,s). Use one of them.",
    ]) if !contains(local.simple_types, found.type) && !can(regex(local.decimal_pattern, found.type))],
    [for found in local._columns[name] : join(" ", [
      "field '${found.field}': column '${found.name}' has type '${found.type}'; decimal(p,s) needs a precision p from 1 to 38 and a",
      "scale s of at most p. Correct them.",
    ]) if anytrue([for d in try([regex(local.decimal_pattern, found.type)], []) : d[0] < 1 || d[0] > 38 || d[1] > d[0]])],
    [for found in dataset.columns : join(" ", [
      "field 'columns': column '${found.name}' has the unknown clean function '${join("', '", setsubtract(found.clean, local.cleaners))}';",
      "allowed are ${join(", ", local.cleaners)}. Use these, or derive a column.",
    ]) if length(setsubtract(found.clean, local.cleaners)) > 0],
    [for found in dataset.columns :
      "field 'columns': column '${found.name}' has a clean function twice: ${join(", ", found.clean)}. Name each once."
    if length(distinct(found.clean)) != length(found.clean)],
    [for found in dataset.columns : join(" ", [
      "field 'columns': column '${found.name}' is of type ${found.type}, and clean (${join(", ", found.clean)}) is for strings.",
      "Leave it out: blanks around other values are trimmed anyway.",
    ]) if found.type != "string" && length(found.clean) > 0],
    [for found in dataset.columns : join(" ", [
      "field 'columns': column '${found.name}' is of type ${found.type}, and format ('${found.format}') says how dates and",
      "timestamps are written. Leave it out, or change the type.",
    ]) if found.format != null && !contains(["date", "timestamp"], found.type)],
    [for found in dataset.columns : join(" ", [
      "field 'columns': column '${found.name}' has format '${found.format}'; allowed are one or more of",
      "${join(" ", formatlist("%%%s", split("", local.date_directives)))} with other text between them. Write, for example, %d/%m/%Y.",
    ]) if found.format != null && !can(regex("^([^%]*%[${local.date_directives}])+[^%]*$", found.format))],
  ) }

  _wrong_names_of_columns = { for name, dataset in var.datasets : name => concat(
    [for found in dataset.order_by : join(" ", [
      "field 'order_by': found '${found}'; allowed is a column, or a column with asc or desc (nulls are always last). Write, for",
      "example, updated_at desc.",
    ]) if !can(regex("^[^ ]+( (asc|desc))?$", found))],
    flatten([for field, names in { key = dataset.key, order_by = local._order_by[name] } : [for found in names : join(" ", [
      "field '${field}': unknown column '${found}'; the columns are ${join(", ", local._file_columns[name])}. Correct the name",
      "(derived columns are made after this step).",
    ]) if !contains(local._file_columns[name], found)]]),
    flatten([for field, names in {
      partition_by             = dataset.partition_by
      "checks.not_null"        = dataset.checks.not_null
      "checks.unique"          = flatten(dataset.checks.unique)
      "checks.accepted_values" = keys(dataset.checks.accepted_values)
      } : [for found in names :
      "field '${field}': unknown column '${found}'; the columns are ${join(", ", local._column_names[name])}. Correct the name."
    if !contains(local._column_names[name], found)]]),
    [for found in local._columns[name] : join(" ", [
      "field 'partition_by': column '${found.name}' is of type ${found.type}; a partition column is one of",
      "${join(", ", local.partition_types)}. Derive one, for example a date or a month.",
    ]) if contains(dataset.partition_by, found.name) && !contains(local.partition_types, found.type)],
    [for found in [local._column_names[name]] : join(" ", [
      "field 'partition_by': it names all columns (${join(", ", found)}), but partition columns are not in the files, and one at",
      "least must be. Take one out.",
    ]) if length(dataset.columns) > 0 && length(setsubtract(found, dataset.partition_by)) == 0],
    [for found in local._columns[name] : join(" ", [
      "field 'checks.accepted_values': column '${found.name}' is of type ${found.type}, whose values can be written in many ways;",
      "allowed are ${join(", ", local.partition_types)}. Write this check as checks.sql.",
    ]) if contains(keys(dataset.checks.accepted_values), found.name) && !contains(local.partition_types, found.type)],
    [for field, found in {
      key               = dataset.key
      order_by          = local._order_by[name]
      partition_by      = dataset.partition_by
      null_values       = dataset.null_values
      "checks.not_null" = dataset.checks.not_null
      } : "field '${field}': a value stands there twice: '${join("', '", found)}'. Name each once."
    if length(distinct(found)) != length(found)],
    [for found in concat([{ name = "filter", sql = dataset.filter }], [for c in dataset.derive : { name = "derive.${c.name}", sql = c.expression }]) :
      "field '${found.name}': the expression is blank. Write one in Spark SQL, or leave the field out."
    if try(trimspace(found.sql) == "", false)],
  ) }

  wrong_datasets = concat(
    [for found in [length(var.datasets)] :
      "datasets is empty: there would be nothing to run. Describe one at least, or leave the variable out for the retail sample."
    if found == 0],
    [for found in keys(var.datasets) :
      "Dataset '${found}': the name is not usable for a table; allowed are ${local.name_rule}. Rename the dataset."
    if !can(regex(local.name_pattern, found))],
    flatten([for rules in [local._wrong_sources, local._wrong_http, local._wrong_runs, local._wrong_columns, local._wrong_names_of_columns] :
      [for name, told in rules : [for mistake in told : "Dataset '${name}', ${mistake}"]]
    ]),
  )
}
