# What is wrong with sources of type http; see rules.datasets.tf, and jobs/medallion/contract/source.py for the same in the job.
locals {
  # Fields of http that are set, whatever the type of the source is.
  _http_fields = { for name, dataset in var.datasets : name => [for field in [
    "allow_http", "body", "checksum", "headers", "max_bytes", "method", "paginate", "query", "records", "redirect_hosts", "secret",
    "timeout_seconds", "url",
  ] : field if try(dataset.source[field], null) != null] }
  _http = { for name, dataset in var.datasets : name => merge(dataset.source, {
    headers  = coalesce(dataset.source.headers, tomap({}))
    query    = coalesce(dataset.source.query, tomap({}))
    hosts    = coalesce(dataset.source.redirect_hosts, tolist([]))
    paginate = dataset.source.paginate == null ? [] : [dataset.source.paginate]
  }) if dataset.source.type == "http" }

  _wrong_http = { for name, dataset in var.datasets : name => concat(
    [for found in [local._http_fields[name]] : join(" ", [
      "field 'source': ${join(", ", found)} are for source type http, and its type is '${dataset.source.type}'. Leave them out, or",
      "change the type.",
    ]) if dataset.source.type != "http" && length(found) > 0],
    flatten([for http in try([local._http[name]], []) : concat(
      [for found in [coalesce(http.url, "null")] : join(" ", [
        "field 'source.url': found '${found}'; allowed are https://<host>/… without user, fragment, blanks and braces, but for",
        "{date}, {date-1} and {date:%Y/%m/%d}. Correct it; a password belongs into the secret that secret names.",
      ]) if !can(regex(local.url_pattern, found))],
      [for found in [coalesce(http.url, "null")] :
        "field 'source.url': found '${found}', which is not encrypted. Use https, or set allow_http = true."
      if can(regex(local.plain_url, found)) && !can(regex(local.loopback_url, found)) && http.allow_http != true],
      [for found in [coalesce(http.method, "GET")] : "field 'source.method': found '${found}'; allowed are GET and POST. Use one of them."
      if !contains(local.http_methods, found)],
      [for found in [coalesce(http.method, "GET")] :
        "field 'source.body': there is one, and the method is ${found}; only POST has a body. Leave it out, or set method = \"POST\"."
      if http.body != null && found == "GET"],
      [for found in http.checksum == null ? [] : [http.checksum] : join(" ", [
        "field 'source.checksum': found '${found}'; allowed are sha256: and 64, or md5: and 32, of the characters 0-9 and a-f.",
        "Correct it.",
      ]) if !can(regex(local.checksum_pattern, found))],
      [for found in http.paginate :
        "field 'source.checksum': a checksum is of one file, and there are pages of type ${found.type}. Leave one of the two out."
      if http.checksum != null],
      [for found in http.secret == null ? [] : [http.secret] : join(" ", [
        "field 'source.secret': found '${found}'; allowed is the name of a secret in Secrets Manager (letters, digits and",
        "/_+=.@-), not its ARN. Correct it.",
      ]) if !can(regex(local.secret_pattern, found))],
      flatten([for field, names in { headers = keys(http.headers), query = keys(http.query) } : [for found in names : join(" ", [
        "field 'source.${field}': found '${found}', whose value would stand in plans and in the bucket for all to read. Put it into",
        "the secret that secret names.",
      ]) if contains(local.secret_names, lower(found))]]),
      [for found in http.hosts :
        "field 'source.redirect_hosts': found '${found}'; allowed are hosts in lower case, such as files.example.com. Correct it."
      if !can(regex(local.host_pattern, found))],
      [for found in [http.max_bytes] : "field 'source.max_bytes': found ${found}; allowed are whole numbers from 1. Correct it."
      if !try(found >= 1 && floor(found) == found, found == null)],
      [for found in [http.timeout_seconds] :
        "field 'source.timeout_seconds': found ${found}; allowed are whole seconds from 1 to 3600. Correct it."
      if !try(found >= 1 && found <= 3600 && floor(found) == found, found == null)],
      flatten([for page in http.paginate : concat(
        [for found in [page.type] :
          "field 'source.paginate.type': found '${found}'; allowed are ${join(", ", local.page_types)}. Use one of them."
        if !contains(local.page_types, found)],
        [for found in [page.type] : join(" ", [
          "field 'source.paginate.at': it is null, and the type is cursor. Set it to the JMESPath of the next cursor in an answer,",
          "such as meta.next.",
        ]) if found == "cursor" && page.at == null],
        [for found in [page.type] : join(" ", [
          "field 'source.paginate.step': it is null, and the type is offset. Set it to what the offset grows by with a page; 1 for",
          "page numbers.",
        ]) if found == "offset" && page.step == null],
        [for field, of in { at = ["link", "cursor"], parameter = ["offset", "cursor"], start = ["offset"], step = ["offset"] } :
          "field 'source.paginate.${field}': it is for ${join(" and ", of)}, and the type is ${page.type}. Leave it out."
        if page[field] != null && contains(local.page_types, page.type) && !contains(of, page.type)],
        [for field, least in { start = 0, step = 1, max_pages = 1 } :
          "field 'source.paginate.${field}': found ${page[field]}; allowed are whole numbers from ${least}${field == "max_pages" ? " to 10000" : ""}. Correct it."
        if !try(page[field] >= least && floor(page[field]) == page[field] && (field != "max_pages" || page[field] <= 10000), page[field] == null)],
      )]),
    )]),
  ) }
}
