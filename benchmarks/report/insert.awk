# Writes a page with the file `part` between its marks <!--MARK--> and <!--/MARK-->; exit code 1: it has not each of them once.

$0 == "<!--" mark "-->" {
    print
    print ""
    while ((getline line < part) > 0) print line
    print ""
    ++begun
    skipping = 1
}
$0 == "<!--/" mark "-->" { skipping = 0; ++ended }
!skipping { print }
END {
    if (begun == 1 && ended == 1) exit 0
    print FILENAME ": the marks <!--" mark "--> and <!--/" mark "--> must be there once" > "/dev/stderr"
    exit 1
}
