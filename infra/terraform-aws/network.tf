locals {
  # Three networks: one of your own; ours with private tasks behind a NAT gateway; ours with public addresses, the cheap one.
  own          = var.network != null
  private      = !local.own && var.nat_gateways > 0
  public_tasks = !local.own && var.nat_gateways == 0

  vpc_id                = local.own ? try(var.network.vpc_id, null) : aws_vpc.this[0].id
  load_balancer_subnets = local.own ? try(var.network.load_balancer_subnets, []) : [for subnet in aws_subnet.public : subnet.id]
  ours                  = local.private ? [for subnet in aws_subnet.private : subnet.id] : [for subnet in aws_subnet.public : subnet.id]
  task_subnets          = local.own ? try(var.network.task_subnets, []) : local.ours

  zones         = { for index, letter in ["a", "b"] : letter => { index = index, name = data.aws_availability_zones.these.names[index] } if !local.own }
  private_zones = local.private ? local.zones : {}
  # Which zone's gateway a zone's private subnet uses.
  nats     = { for letter, zone in local.zones : letter => zone if zone.index < var.nat_gateways }
  services = toset(local.private ? ["ecr.api", "ecr.dkr", "logs", "secretsmanager"] : [])
}

data "aws_availability_zones" "these" {
  #checkov:skip=CKV_AWS_394:subnets keep their zone when AWS adds one, see below

  state = "available"

  # Local zones, which an account may have opted into, have no load balancers of our kind.
  filter {
    name   = "zone-type"
    values = ["availability-zone"]
  }
}

#trivy:ignore:AVD-AWS-0178
resource "aws_vpc" "this" {
  #checkov:skip=CKV2_AWS_11:flow logs cost more than they tell here; the load balancer is the only way in

  count                = local.own ? 0 : 1
  cidr_block           = "10.42.0.0/16"
  enable_dns_support   = true
  enable_dns_hostnames = true
  tags                 = { Name = local.name }
}

# Emptied, so that nothing can use it by accident.
resource "aws_default_security_group" "this" {
  count  = local.own ? 0 : 1
  vpc_id = aws_vpc.this[0].id
}

resource "aws_subnet" "public" {
  for_each          = local.zones
  vpc_id            = aws_vpc.this[0].id
  availability_zone = each.value.name
  cidr_block        = cidrsubnet(aws_vpc.this[0].cidr_block, 8, each.value.index)
  tags              = { Name = "${local.name}-public-${each.key}" }

  lifecycle {
    ignore_changes = [availability_zone]
  }
}

resource "aws_subnet" "private" {
  for_each          = local.private_zones
  vpc_id            = aws_vpc.this[0].id
  availability_zone = each.value.name
  cidr_block        = cidrsubnet(aws_vpc.this[0].cidr_block, 4, each.value.index + 1)
  tags              = { Name = "${local.name}-private-${each.key}" }

  lifecycle {
    ignore_changes = [availability_zone]
  }
}

resource "aws_internet_gateway" "this" {
  count  = local.own ? 0 : 1
  vpc_id = aws_vpc.this[0].id
  tags   = { Name = local.name }
}

resource "aws_route_table" "public" {
  count  = local.own ? 0 : 1
  vpc_id = aws_vpc.this[0].id
  tags   = { Name = "${local.name}-public" }
}

resource "aws_route" "public" {
  count                  = local.own ? 0 : 1
  route_table_id         = aws_route_table.public[0].id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this[0].id
}

resource "aws_route_table_association" "public" {
  for_each       = aws_subnet.public
  subnet_id      = each.value.id
  route_table_id = aws_route_table.public[0].id
}

resource "aws_eip" "nat" {
  #checkov:skip=CKV2_AWS_19:these addresses are the NAT gateways'

  for_each   = local.nats
  tags       = { Name = "${local.name}-nat-${each.key}" }
  depends_on = [aws_internet_gateway.this]
}

resource "aws_nat_gateway" "this" {
  for_each      = local.nats
  allocation_id = aws_eip.nat[each.key].id
  subnet_id     = aws_subnet.public[each.key].id
  tags          = { Name = "${local.name}-${each.key}" }
}

resource "aws_route_table" "private" {
  for_each = local.private_zones
  vpc_id   = aws_vpc.this[0].id
  tags     = { Name = "${local.name}-private-${each.key}" }
}

resource "aws_route" "private" {
  for_each               = local.private_zones
  route_table_id         = aws_route_table.private[each.key].id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.this[contains(keys(local.nats), each.key) ? each.key : "a"].id
}

resource "aws_route_table_association" "private" {
  for_each       = aws_subnet.private
  subnet_id      = each.value.id
  route_table_id = aws_route_table.private[each.key].id
}

# Training tasks have no way to the internet: S3 and these services are reached inside the VPC.
resource "aws_vpc_endpoint" "s3" {
  count             = local.own ? 0 : 1
  vpc_id            = aws_vpc.this[0].id
  service_name      = "com.amazonaws.${var.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = local.private ? [for table in aws_route_table.private : table.id] : [aws_route_table.public[0].id]
  tags              = { Name = "${local.name}-s3" }
}

resource "aws_vpc_endpoint" "service" {
  for_each            = local.services
  vpc_id              = aws_vpc.this[0].id
  service_name        = "com.amazonaws.${var.region}.${each.key}"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = [for subnet in aws_subnet.private : subnet.id]
  security_group_ids  = [aws_security_group.endpoints.id]
  tags                = { Name = "${local.name}-${each.key}" }
}
