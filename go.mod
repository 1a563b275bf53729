module gild

go 1.26
