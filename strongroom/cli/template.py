"""The configuration that `strongroom init` writes: three directories, no sources yet, everything explained."""

REGIONS = ("eu-west-1", "us-east-1", "ap-southeast-1")

TEMPLATE = """\
# Strongroom. Every key is explained in docs/configuration.md; `strongroom config check` finds mistakes.
# Relative paths start at the folder of this file. Secrets stay in the environment: a key that ends in `_env` names
# the variable that holds one.

# The embedded catalog, sockets, logs and scratch files. With STRONGROOM_CATALOG_URL the catalog is elsewhere.
data_dir = "data"

[keyring]
# The key-encryption keys. KEEP A COPY OF THIS FILE AWAY FROM THIS MACHINE: without it no backup can be read.
# Or make a key on paper that opens everything: strongroom recovery-kit FILE
path = "strongroom.keys"

# Regions hold whole copies. Backups are written to the home region first, then copied to the others.
# Here they are directories; put each on a disk, or a mount, of its own.

[regions.eu-west-1]
home = true
path = "regions/eu-west-1"

[regions.us-east-1]
path = "regions/us-east-1"

[regions.ap-southeast-1]
path = "regions/ap-southeast-1"

# A region in S3, with its key-encryption key in AWS KMS. Make the bucket, then run `strongroom init --upgrade`:
#
# [regions.eu-central-1]
# kind = "s3"
# bucket = "strongroom-eu-central-1"
# s3_region = "eu-central-1"
# access_key_env = "BACKUP_S3_ACCESS_KEY"     # without these two, the AWS default chain is used
# secret_key_env = "BACKUP_S3_SECRET_KEY"
# kek = { provider = "aws-kms", key = "alias/strongroom", kms_region = "eu-central-1" }

# Sources are what is backed up. Try: strongroom backup run NAME --here
# A running service backs them up by itself at 01:00 UTC: trees in full on Sundays, differential on Tuesdays and
# Fridays, incremental on other days; databases at 13:00 too. `schedule` changes that.
#
# [sources.uploads]
# kind = "files"
# path = "/srv/uploads"
# exclude = ["*.tmp", "/cache/"]
# schedule = { incremental = "0 */6 * * *", time_zone = "Europe/Lisbon" }
#
# [sources.shop-logs]
# kind = "logs"                               # every hour; reads what was appended
# path = "/var/log/shop"
# include = ["*.log*"]
#
# [sources.shop]
# kind = "postgres"
# host = "localhost"
# dbname = "shop"
# user = "backup"
# password_env = "SHOP_DB_PASSWORD"

# Each source is restored for proof once a week. Questions that a restored database has to answer, and what is promised:
#
# [[sources.shop.drill.checks]]
# name = "yesterday's orders are there"
# sql = "SELECT count(*) > 0 FROM orders WHERE placed_at > now() - interval '2 days'"
#
# [sources.shop.levels]
# rpo_seconds = 86400                         # how old the newest protected backup may be
# rto_seconds = 1800                          # how long a restore may take

# Who hears of failures; docs/alerts.md has the other kinds. Try: strongroom alerts test --all
#
# [channels.ops-mail]
# kind = "email"
# host = "smtp.example.com"
# user = "strongroom"
# password_env = "STRONGROOM_SMTP_PASSWORD"
# sender = "strongroom@example.com"
# to = ["ops@example.com"]
#
# [pings.watcher]                             # an address outside that misses us when the whole machine is gone
# url_env = "STRONGROOM_WATCHER_PING"

# Policies say how long backups stay and where. Built in: critical-data (365 days, the default of databases),
# operational-data (90 days, the default of files and logs), development-data (30 days).
#
# [policies.local-only]
# retention_days = 7
# regions = ["eu-west-1"]

# Databases with encrypted columns that `strongroom secrets reencrypt` brings to the newest key.
#
# [databases.shop]
# url_env = "SHOP_DATABASE_URL"
# app = "shop"                                # as the application says in use_keyring(..., app=...)
"""
