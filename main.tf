# What `terraform apply` in a clone deploys: the module, with a provider of its own. Who has one calls the module.
provider "aws" {
  region = var.region
}

module "medallion" {
  source = "./modules/medallion"

  arrival_window_seconds      = var.arrival_window_seconds
  athena_scan_limit_mebibytes = var.athena_scan_limit_mebibytes
  bucket_name                 = var.bucket_name
  catalog_kms_key_arn         = var.catalog_kms_key_arn
  database_prefix             = var.database_prefix
  datasets                    = var.datasets
  force_destroy               = var.force_destroy
  jobs                        = var.jobs
  kms_key_arn                 = var.kms_key_arn
  lake_formation              = var.lake_formation
  lifecycle_rules             = var.lifecycle_rules
  log_retention_days          = var.log_retention_days
  models                      = var.models
  models_directory            = var.models_directory
  monitoring                  = var.monitoring
  name                        = var.name
  notification_emails         = var.notification_emails
  schedule_expression         = var.schedule_expression
  stages                      = var.stages
  tags                        = var.tags
}

# Deployments of before, when the root was the module, are kept.
moved {
  from = module.catalog
  to   = module.medallion.module.catalog
}

moved {
  from = module.jobs
  to   = module.medallion.module.jobs
}

moved {
  from = module.monitoring
  to   = module.medallion.module.monitoring
}

moved {
  from = module.storage
  to   = module.medallion.module.storage
}

moved {
  from = module.triggers
  to   = module.medallion.module.triggers
}

moved {
  from = module.workflow
  to   = module.medallion.module.workflow
}
