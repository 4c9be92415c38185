"""The operator's tools: set-up, the local AWS, Terraform, runs, approvals, queries and logs.

Everything here serves AWS and the local AWS alike; only the endpoint differs. `bootstrap`,
`environment`, `errors` and `provider` use the standard library alone, because they run before
anything is installed.
"""
