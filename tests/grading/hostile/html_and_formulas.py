# an error for whoever reads the results in a browser or a spreadsheet
raise RuntimeError("=HYPERLINK(\"http://x\")<script>document.title='x'</script><img src=x onerror=alert(1)>")
