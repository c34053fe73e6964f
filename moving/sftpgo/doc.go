// Package sftpgo reads the JSON that SFTPGo dumps (GET /api/v2/dumpdata, or Backup & restore on its pages): what its OpenAPI description
// (openapi/openapi.yaml, schemas BackupData, User, BaseVirtualFolder and FilesystemConfig) says of accounts, and no more of it than comes along.
package sftpgo
