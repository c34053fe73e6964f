// Package ledger keeps the records of blob/s3 in SQL: a row a key in s3_contents, and a row a part in s3_parts.
//
// It is above blob/s3 and sqldb, which do not know each other.
package ledger
