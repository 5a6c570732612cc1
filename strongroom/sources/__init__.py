"""Where data comes from and where a restore puts it: directory trees and PostgreSQL databases."""
