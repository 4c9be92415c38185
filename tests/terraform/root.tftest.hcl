# The root: what it passes on, and what is its own.
mock_provider "aws" {
  source          = "./tests/terraform/mocks"
  override_during = plan
}

run "refuses_region_that_is_a_zone" {
  command = plan

  variables {
    region = "us-east-1a"
  }

  expect_failures = [var.region]
}

run "passes_on_what_the_module_answers" {
  command = plan

  variables {
    name = "shop"
    tags = { owner = "anna" }
  }

  assert {
    condition     = output.bucket_name == "shop-123456789012-us-east-1" && output.dataset_names == tolist(["customers", "products", "sales"]) && output.region == "us-east-1"
    error_message = "The bucket is ${output.bucket_name}."
  }
}
